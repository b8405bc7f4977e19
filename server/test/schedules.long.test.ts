// The schedules of two instances again, over a longer time.
process.env.SCHEDULE_MINUTES ||= '10';
await import('./schedules.test.ts');

export {};
