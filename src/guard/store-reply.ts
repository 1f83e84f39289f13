// An error that the store itself replied with: it is there, and refuses this command. Any other error is one of the way to it.

export class StoreReplyError extends Error {
  /** `code`: as Redis names it (NOPERM, OOM, READONLY), never what it quotes. */
  constructor(code: string) {
    super(`it answers ${code}`);
  }
}
