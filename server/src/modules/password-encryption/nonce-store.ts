/** An issued nonce; only used ones are stored. */
export interface Nonce {
  id: string;
  expiresAt: Date;
}

/** The used nonces. Only the database decides: memory of Redis or of a process may be lost. */
export interface NonceStore {
  /** Uses it up. False if it was used before. */
  use(nonce: Nonce): Promise<boolean>;
  /** Removes at most `limit` that expired before then; returns the number. */
  purge(before: Date, limit: number): Promise<number>;
}
