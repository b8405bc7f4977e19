/** Something that happens here, and the one who acts on it. */
export interface Signal<T> {
  /** Tells the listener. Throws a TypeError while nobody listens: what is told then would be lost. */
  emit(value: T): void;
  /** From now on. Throws a TypeError where somebody listens already. */
  listen(listener: (value: T) => void): void;
}

/** `what` stands in the errors. */
export function createSignal<T>(what: string): Signal<T> {
  let heard: ((value: T) => void) | null = null;
  return {
    emit(value) {
      if (!heard) throw new TypeError(`Nobody listens yet to ${what}.`);
      heard(value);
    },
    listen(listener) {
      if (heard) throw new TypeError(`Somebody listens to ${what} already.`);
      heard = listener;
    },
  };
}
