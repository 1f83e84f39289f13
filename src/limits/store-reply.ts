// Errors that the shared store itself replies with: it is reachable, and rejects this command. All
// other errors concern the connection to it.

export class StoreReplyError extends Error {
  /** The error code of Redis: NOPERM, OOM, READONLY. */
  readonly reply: string;

  /** `reply` must never be text from the server, which may quote a password. */
  constructor(reply: string) {
    const hint = hints.get(reply);
    super(`it replied ${reply}${hint === undefined ? '' : `: ${hint}`}`);
    this.reply = reply;
  }
}

/** Explanations of the codes for operators. */
const hints: ReadonlyMap<string, string> = new Map([
  ['WRONGPASS', 'the user name or the password is wrong'],
  ['NOAUTH', 'it requires a password, and the URL has none'],
  ['NOPERM', 'the ACL of this user denies a command or a key that the gateway needs'],
  ['DENIED', 'it is in protected mode, and accepts connections from its own machine only'],
  ['READONLY', 'it is a read-only replica'],
  ['LOADING', 'it is still loading its data'],
  ['MASTERDOWN', 'it is a replica that has lost its primary'],
  ['CLUSTERDOWN', 'the cluster does not serve all of its slots'],
  ['TRYAGAIN', 'the cluster is moving our keys to another node'],
  ['OOM', 'its memory is full'],
  ['MISCONF', 'it cannot save its data, and rejects writes'],
  ['NOREPLICAS', 'it has too few replicas, and rejects writes'],
  ['BUSY', 'a script of another program keeps it busy'],
]);
