enable f16;
// Activations and KV cache stored as f16; sums are f32 all the same, but for the short chains of the cores whose names
// end in f16.
alias Act = f16;
alias Act4 = vec4<f16>;
