enable f16;
// Activations and KV cache stored as f16; every sum is f32 all the same.
alias Act = f16;
alias Act4 = vec4<f16>;
