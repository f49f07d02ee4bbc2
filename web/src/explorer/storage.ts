/** What GraphiQL remembers, of this tab alone. It sees its own entries, and never the console's key. */

const PREFIX = "geodesic.explorer.";

const own = () => Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX));

export const tabStorage = {
  get length(): number {
    return own().length;
  },
  getItem: (name: string): string | null => sessionStorage.getItem(PREFIX + name),
  /** Throws where the storage is full; GraphiQL shows that. */
  setItem: (name: string, value: string): void => sessionStorage.setItem(PREFIX + name, value),
  removeItem: (name: string): void => sessionStorage.removeItem(PREFIX + name),
  clear: (): void => own().forEach((name) => sessionStorage.removeItem(name)),
};
