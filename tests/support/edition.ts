/** A program after this one, whose method gives other bits. */
import { findMethod } from "../../src/merge/methods/registry.ts";

/** Raises the edition of a method's arithmetic, as this process sees it, until it is disposed of. */
export function nextEdition(name: string): Disposable {
  const method = findMethod(name)!;
  const arithmetic = method.arithmetic;
  Object.assign(method, { arithmetic: arithmetic + 1 });
  return { [Symbol.dispose]: () => void Object.assign(method, { arithmetic }) };
}
