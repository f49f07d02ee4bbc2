// Activations and KV cache stored as f32.
alias Act = f32;
alias Act4 = vec4<f32>;
