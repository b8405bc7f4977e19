/** Proves that an instance has the right `SECRET_KEY`, without revealing it. */
export interface SecretCheck {
  keyId: string;
  /** A MAC over a fixed text. */
  value: string;
  /** The key of `KeyedHash`, encrypted with this secret; null: derived from this secret, the first one. */
  sealedMaskKey: string | null;
  createdAt: Date;
}

export interface SecretCheckStore {
  list(): Promise<SecretCheck[]>;
  /**
   * Adds one. `first`: only into an empty store; of instances that start together, one wins.
   * False if it was not added.
   */
  add(check: SecretCheck, mode: 'first' | 'next'): Promise<boolean>;
}
