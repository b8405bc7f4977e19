// The races of administrators on every database again, with as many rounds as the long tests take.
process.env.RACE_ROUNDS ||= '20';
await import('./admin-races.test.ts');

export {};
