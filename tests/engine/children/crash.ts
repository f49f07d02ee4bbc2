/** An engine's process that dies before it has said anything. */
console.error("thread 'main' panicked at wgpu-core: no luck today");
Deno.exit(101);
