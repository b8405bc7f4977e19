import { SECOND } from '../clock.ts';
import type { Happening, Topic } from './topic.ts';

const LOOK_EVERY = SECOND;

/** What is looked at: by target, how it looks now, and what to tell if that is new. */
export type Look = () => Promise<Map<string, { state: string; kind: string; progress?: number }>>;

/** A source of a topic that is looked at once a second, while somebody follows. What was there at first is no news. */
export function watchEach(look: Look): NonNullable<Topic['watch']> {
  return (tell) => {
    let before: Awaited<ReturnType<Look>> | null = null;
    let isOver = false;
    let timer: NodeJS.Timeout | undefined;

    async function lookOnce(): Promise<void> {
      const now = await look();
      if (isOver) return;
      for (const [target, { state, kind, progress }] of now) {
        // What was there at the first look is no news.
        if (before === null || before.get(target)?.state === state) continue;
        const happening: Happening = { kind, target, version: null, at: new Date() };
        if (progress !== undefined) happening.progress = progress;
        tell(happening);
      }
      before = now;
    }

    const again = () => {
      if (!isOver)
        timer = setTimeout(
          () =>
            void lookOnce()
              .catch(() => {})
              .then(again),
          LOOK_EVERY,
        ).unref();
    };
    void lookOnce()
      .catch(() => {})
      .then(again);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  };
}
