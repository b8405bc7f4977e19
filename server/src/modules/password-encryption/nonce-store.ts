/** A nonce that was issued; only those that were used are kept. */
export interface Nonce {
  id: string;
  expiresAt: Date;
}

/** The nonces that were used. Only the database decides on them: what Redis or a process remembers may be lost. */
export interface NonceStore {
  /** Uses it up. False where somebody did before. */
  use(nonce: Nonce): Promise<boolean>;
  /** Forgets at most `limit` that expired before then; answers how many. */
  purge(before: Date, limit: number): Promise<number>;
}
