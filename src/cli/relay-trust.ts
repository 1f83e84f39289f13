// `--ca-file`, the same for every command that connects to relays, and errors that name the relay.
import { readFile } from 'node:fs/promises';
import { readPemCertificates } from '../kernel/pem-certificates.ts';
import { PortalError } from '../portal/index.ts';
import { CliFault } from './fault.ts';

export const caFileHelp = 'PEM certificates to trust for wss:// relays instead of those of the system';

/** As an option of the relay client. Throws CliFault. */
export async function trusted(caFile: string | undefined): Promise<{ readonly ca?: string }> {
  if (caFile === undefined) return {};
  const ca = await readFile(caFile, 'utf8').catch((error: unknown) => {
    throw new CliFault(`cannot read ${caFile}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  });
  const { fault } = readPemCertificates(ca);
  if (fault !== undefined) throw new CliFault(`--ca-file ${caFile} ${fault}`);
  return { ca };
}

/** Adds the relay to an error: errors of a connection do not name it. */
export function atRelay(url: string, error: unknown): unknown {
  if (!(error instanceof PortalError)) return error;
  return new PortalError(error.code, `relay ${url}: ${error.message}`, { cause: error });
}
