type Answer = (input: never) => unknown;

interface Call {
  id: number;
  name: string;
  input: unknown;
}

export interface Reply {
  id: number;
  result?: unknown;
  error?: string;
}

/** The child's side of `Child.call`. The process ends when its parent does, or lets go of it. */
export function answerCalls(answers: Record<string, Answer>): void {
  process.on('message', async (message) => {
    const { id, name, input } = message as Call;
    const reply: Reply = { id };
    try {
      const answer = answers[name];
      if (!answer) throw new TypeError(`nobody answers "${name}"`);
      reply.result = await answer(input as never);
    } catch (error) {
      reply.error = error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
    process.send?.(reply);
  });
  // By `exit`, so that a CPU profile is written.
  process.on('disconnect', () => process.exit(0));
}
