/** What proves that an instance has the right `SECRET_KEY`, without telling anything of it. */
export interface SecretCheck {
  keyId: string;
  /** A MAC over a fixed text. */
  value: string;
  /** Under this secret, what `KeyedHash` is made with; null: it is derived from this secret, the first one. */
  sealedMaskKey: string | null;
  createdAt: Date;
}

export interface SecretCheckStore {
  list(): Promise<SecretCheck[]>;
  /**
   * Adds one. `first`: only into an empty store, where of many instances that start together one wins.
   * False where it was not added.
   */
  add(check: SecretCheck, mode: 'first' | 'next'): Promise<boolean>;
}
