// Queries and keys are rotated where they are made.
const ROTATES = true;
