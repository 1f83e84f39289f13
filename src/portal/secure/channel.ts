// The tunnel as a Node stream, for applications and for Node's servers.
import type { DuplexOptions } from 'node:stream';
import { PipeDuplex } from '../../kernel/net/pipe-duplex.ts';
import { PortalError } from '../errors.ts';
import type { SecurePipe } from './secure-pipe.ts';

export interface SecureChannelOptions {
  /**
   * True: the peer's end leaves this side open, as for the sockets of a server. False: it ends this
   * side too.
   */
  readonly allowHalfOpen?: boolean;
  /** Readable and writable high-water mark, bytes. */
  readonly highWaterMark?: number;
}

/**
 * end() sends FIN after all written bytes; destroy() sends RST unless both directions have ended.
 * Errors are PortalErrors: frame_malformed, stream_truncated, and the error of the multiplexed
 * stream.
 */
export class SecureChannel extends PipeDuplex {
  /** The peer's identity, proven in the handshake. */
  readonly peerId: string;
  readonly alpn: string;

  constructor(pipe: SecurePipe, options: SecureChannelOptions = {}) {
    super(pipe, duplexOptions(options));
    this.peerId = pipe.peerId;
    this.alpn = pipe.alpn;
  }

  protected override destroyedError(): Error {
    return new PortalError('stream_aborted', 'the tunnel was destroyed');
  }
}

function duplexOptions({ allowHalfOpen = true, highWaterMark }: SecureChannelOptions): DuplexOptions {
  return {
    allowHalfOpen,
    ...(highWaterMark !== undefined && { readableHighWaterMark: highWaterMark, writableHighWaterMark: highWaterMark }),
  };
}
