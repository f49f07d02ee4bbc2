// Queries and keys are left as they are made: head_norm norms each head before it rotates it.
const ROTATES = false;
