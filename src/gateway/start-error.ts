// The error of a gateway that cannot start or apply a configuration. The message is one line: what
// happened, where, and what to do.
import type { MayPass, TemporaryFault } from '../kernel/errors/temporary-fault.ts';

export class StartError extends Error implements MayPass {
  override readonly name = 'StartError';
  readonly temporary: TemporaryFault | undefined;

  constructor(message: string, { temporary }: MayPass = {}) {
    super(message);
    this.temporary = temporary;
  }
}

/**
 * The error for a listener that the system rejects. Returns other errors unchanged. `option`: the
 * option or setting of the port.
 */
export function listenError(error: unknown, what: string, host: string, port: number, option = '--port'): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  const where = `port ${port} on ${host}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new StartError(
        `${what} cannot listen: ${where} is in use; stop the program that uses it, or choose another port with ${option}`,
        { temporary: 'port_in_use' },
      );
    case 'EACCES':
      return new StartError(
        `${what} cannot listen: ${where} needs privileges; choose a port above 1023 with ${option}`,
      );
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EINVAL':
      return new StartError(`${what} cannot listen: ${host} is not an address of this machine; correct it with --host`);
    default:
      return error;
  }
}
