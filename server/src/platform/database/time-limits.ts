/** Milliseconds that a database server may take. */
export interface TimeLimits {
  /** For a connection; the watchdog detects a silent server sooner. */
  connect: number;
  /** For a statement of a request, waiting for locks included. The server cancels it, so that its connection stays usable. */
  statement: number;
  /** For the answer to a statement; past this the server counts as lost. */
  answer: number;
  /** For an answer to "are you there", while a statement waits. */
  probe: number;
  /** For the database's clock. */
  ping: number;
}

/**
 * The limits of the product, so that a silent server costs no request more than a second; `patience` times as long where a machine has much else to
 * do, as in tests.
 */
export const timeLimits = ({ patience = 1 }: { patience?: number | undefined }): TimeLimits => ({
  connect: 3_000 * patience,
  statement: 5_000 * patience,
  answer: 5_500 * patience,
  probe: 500 * patience,
  ping: 900 * patience,
});
