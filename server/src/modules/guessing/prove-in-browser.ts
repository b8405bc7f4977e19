interface BrowserRequest {
  userFetch?: (url: string, request: RequestInit) => Promise<Response>;
}

/**
 * Lets Swagger UI answer `proof_required` by itself: solves the puzzle and sends the request again. Its source text is sent to the
 * browser, so it may only use browser globals.
 */
export function proveInBrowser<T extends BrowserRequest>(request: T): T {
  /** A puzzle posed meanwhile may be harder. */
  const MOST_PUZZLES = 3;
  /** Number of concurrent digests, which the browser computes off the page's thread. */
  const BATCH = 512;

  /** A text that begins with the challenge, and whose SHA-256 begins with this many zero bits. */
  async function solve({ challenge, bits }: { challenge: string; bits: number }): Promise<string> {
    const encoder = new TextEncoder();
    for (let from = 0; ; from += BATCH) {
      const texts = Array.from({ length: BATCH }, (_, index) => `${challenge}.${(from + index).toString(36)}`);
      const digests = await Promise.all(texts.map((text) => crypto.subtle.digest('SHA-256', encoder.encode(text))));
      const found = digests.findIndex((digest) => Math.clz32(new DataView(digest).getUint32(0)) >= bits);
      if (found >= 0) return texts[found] ?? '';
    }
  }

  async function puzzleIn(answer: Response): Promise<{ challenge: string; bits: number } | null> {
    if (answer.status !== 403) return null;
    try {
      const { puzzle = null } = (await answer.clone().json()) as { puzzle?: { challenge: string; bits: number } };
      return puzzle;
    } catch {
      return null;
    }
  }

  request.userFetch = async (url, sent) => {
    let answer = await fetch(url, sent);
    for (let tries = 0; tries < MOST_PUZZLES; tries++) {
      const puzzle = await puzzleIn(answer);
      if (puzzle === null) return answer;
      const headers = { ...(sent.headers as Record<string, string>), 'Proof-Of-Work': await solve(puzzle) };
      answer = await fetch(url, { ...sent, headers });
    }
    return answer;
  };
  return request;
}
