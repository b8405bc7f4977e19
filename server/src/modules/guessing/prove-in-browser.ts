interface BrowserRequest {
  userFetch?: (url: string, request: RequestInit) => Promise<Response>;
}

/**
 * Lets a request of Swagger UI answer `proof_required` by itself: solves the puzzle and sends the request again. Its text is sent to the
 * browser as it is, so it may name nothing from outside but what browsers have.
 */
export function proveInBrowser<T extends BrowserRequest>(request: T): T {
  /** Each puzzle that is posed meanwhile is harder at most. */
  const MOST_PUZZLES = 3;
  /** Digests that are under way at a time: the browser makes them beside the page. */
  const BATCH = 512;

  /** A text that begins with the challenge, whose SHA-256 begins with so many zero bits. */
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
