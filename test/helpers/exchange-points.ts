// Points of an exchange at which a test interrupts it: what the app has sent by then, and what it
// would send next.

export interface Point {
  /**
   * upload: the client has sent `hello` but not the rest. upgrade: the client requests an upgrade.
   */
  readonly kind: 'plain' | 'upload' | 'upgrade';
  readonly sent: string;
  /** Data of which half a tunnel frame is in flight. */
  readonly halfSent?: string;
  readonly rest: string;
  /** The app ends the connection afterwards. */
  readonly ends?: boolean;
  /** The part of the body that the client has received by then. */
  readonly seen?: string;
}

export type PointName =
  | 'before-head'
  | 'within-head'
  | 'after-head'
  | 'within-length'
  | 'within-chunk'
  | 'between-chunks'
  | 'within-frame'
  | 'until-close'
  | 'within-upload'
  | 'answering-upload'
  | 'before-101'
  | 'after-101';

const ok = 'HTTP/1.1 200 OK\r\n';
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`;
const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
const lengthTen = `${ok}Content-Length: 10\r\n\r\n`;
const lastChunks = '5\r\nworld\r\n0\r\n\r\n';

/** The whole body is always `helloworld`. */
export const points: Readonly<Record<PointName, Point>> = {
  'before-head': { kind: 'plain', sent: '', rest: `${lengthTen}helloworld` },
  'within-head': { kind: 'plain', sent: `${ok}Content-Len`, rest: 'gth: 10\r\n\r\nhelloworld' },
  'after-head': { kind: 'plain', sent: lengthTen, rest: 'helloworld', seen: '' },
  'within-length': { kind: 'plain', sent: `${lengthTen}hello`, rest: 'world', seen: 'hello' },
  'within-chunk': { kind: 'plain', sent: `${chunked}a\r\nhello`, rest: 'world\r\n0\r\n\r\n', seen: 'hello' },
  'between-chunks': { kind: 'plain', sent: `${chunked}5\r\nhello\r\n`, rest: lastChunks, seen: 'hello' },
  'within-frame': { kind: 'plain', sent: `${chunked}5\r\nhello\r\n`, halfSent: lastChunks, rest: '', seen: 'hello' },
  'until-close': { kind: 'plain', sent: `${ok}\r\nhello`, rest: 'world', ends: true, seen: 'hello' },
  'within-upload': { kind: 'upload', sent: '', rest: `${lengthTen}helloworld` },
  'answering-upload': { kind: 'upload', sent: `${chunked}5\r\nhello\r\n`, rest: lastChunks, seen: 'hello' },
  'before-101': { kind: 'upgrade', sent: '', rest: `${switching}helloworld`, ends: true },
  'after-101': { kind: 'upgrade', sent: `${switching}hello`, rest: 'world', ends: true, seen: 'hello' },
};

export const pointNames: readonly PointName[] = Object.keys(points) as PointName[];
