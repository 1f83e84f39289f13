// Implements `--ca-file` for every command that connects to relays, and adds the relay to errors.
import { readFile } from 'node:fs/promises';
import { readPemCertificates } from '../../kernel/net/pem-certificates.ts';
import { openWords } from '../../config/source/secrets/secret-file.ts';
import { PortalError } from '../../portal/index.ts';
import { CliFault, usageFault } from '../fault.ts';

export const caFileHelp = "CA certificates (PEM) to trust for wss:// relays instead of the system's";

/**
 * An option for the relay client. Throws CliFault, also when none of the relays uses TLS and the
 * option would have no effect.
 */
export async function trusted(caFile: string | undefined, urls: readonly string[]): Promise<{ readonly ca?: string }> {
  if (caFile === undefined) return {};
  if (urls.every((url) => /^ws:/i.test(url)))
    throw usageFault(`--ca-file has no effect with ${urls.join(' and ')}: name a wss:// relay, or leave --ca-file out`);
  const ca = await readFile(caFile, 'utf8').catch((error: unknown) => {
    const what =
      (error as NodeJS.ErrnoException).code === 'EISDIR' ? 'is a directory: name a file in it' : openWords(error);
    throw new CliFault(`--ca-file ${caFile} ${what}`);
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
