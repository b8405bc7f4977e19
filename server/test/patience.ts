/** The factor by which databases may be slower than in production: tests come in crowds, on busy machines. */
export const PATIENCE = 10;
