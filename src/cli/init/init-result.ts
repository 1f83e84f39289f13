// The result of `init`: one object for scripts, or lines for people with the next commands.
import { leaseIdIn } from '../../kernel/lease-name.ts';
import { shellWord } from '../shell-word.ts';

export interface InitResult {
  /** The configuration. */
  readonly file: string;
  readonly relay: string;
  readonly lease: string;
  /** Null: everyone may call the lease, without a key. */
  readonly key_id: string | null;
  /** False: the key was there already, or none is needed. */
  readonly key_created: boolean;
  /** The file with the hash of the key. */
  readonly keys_file: string | null;
  /** The file with the new key. */
  readonly key_file: string | null;
  /** The new key, if it is in no file. */
  readonly key: string | null;
}

export function* initLines({ file, relay, lease, ...made }: Omit<InitResult, 'key'>): Generator<string> {
  const { key_id: id, key_created: isNew, keys_file: keysFile, key_file: keyFile } = made;
  yield `Wrote ${file}.`;
  if (isNew) {
    const where = keyFile === null ? 'It is shown only once.' : `It is in ${keyFile}.`;
    yield `Added the key "${id ?? ''}" to ${keysFile ?? ''}. ${where}`;
  } else if (id !== null) yield `${keysFile ?? ''} already has the key "${id}", which is unchanged.`;
  yield 'Next:';
  if (isLocal(relay)) yield '  portal-gateway relay    # a relay on this machine, in a terminal of its own';
  if (!lease.includes('*') && leaseIdIn(lease) === undefined)
    yield `  portal-gateway expose 3000 --name ${shellWord(lease)} --relay ${shellWord(relay)}    # the app on port 3000`;
  yield `  portal-gateway start --config ${shellWord(file)}`;
  if (lease.includes('*')) return;
  const key = keyFile === null ? 'KEY' : `$(cat ${shellWord(keyFile)})`;
  const credential = id === null ? '' : `-H "Authorization: Bearer ${key}" `;
  yield `  curl ${credential}http://127.0.0.1:8080/peer/${encodeURIComponent(lease)}/`;
}

function isLocal(relay: string): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(URL.parse(relay)?.hostname ?? '');
}
