/** Weights as Python pickles: never read, for a pickle can run anything when it is. */
export function isPickle(file: string): boolean {
  return /\.(bin|pt|pth|ckpt|pkl)$/.test(file);
}
