import { unavailable } from './errors.ts';

/** What `work` gives, or `unavailable` once `milliseconds` have passed; `work` itself goes on, its outcome unheard. */
export function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(unavailable(new Error(`No answer within ${milliseconds} ms.`))),
      milliseconds,
    );
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
