// `--ca-file`, the same for every command that connects to relays, and errors that name the relay.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { PortalError } from '../portal/index.ts';
import { CliFault } from './fault.ts';

export const caFileHelp = 'PEM certificates to trust for wss:// relays instead of those of the system';

/** As an option of the relay client. Throws CliFault. */
export async function trusted(caFile: string | undefined): Promise<{ readonly ca?: string }> {
  if (caFile === undefined) return {};
  try {
    const ca = await readFile(caFile, 'utf8');
    // OpenSSL would ignore what it can't read, and then trust nobody.
    new X509Certificate(ca);
    return { ca };
  } catch (error) {
    const { code = '', syscall } = error as NodeJS.ErrnoException;
    if (syscall !== undefined) throw new CliFault(`cannot read ${caFile}: ${code}`);
    throw new CliFault(`--ca-file ${caFile} is not a certificate in PEM`);
  }
}

/** Errors within a connection do not know its relay. */
export function atRelay(url: string, error: unknown): unknown {
  if (!(error instanceof PortalError)) return error;
  return new PortalError(error.code, `relay ${url}: ${error.message}`, { cause: error });
}
