// Owns reading the configuration file: bounded, regular, UTF-8. Knows nothing of YAML.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { openWords } from './secrets/secret-file.ts';
import { maxFileBytes } from './yaml.ts';

export type FileReading = { readonly text: string } | { readonly fault: string };

export async function readConfigFile(path: string): Promise<FileReading> {
  // Non-blocking: a pipe without a writer would keep us for ever. All checks are of the file that was opened.
  let file;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return { fault: `the configuration file ${openWords(error)}` };
  }
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) return { fault: 'the configuration file is a directory: name a file in it' };
    if (!stat.isFile()) return { fault: 'the configuration file is not a regular file' };
    const buffer = Buffer.alloc(Math.min(stat.size, maxFileBytes) + 1);
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, bytes, buffer.length - bytes, bytes);
      if (bytesRead === 0) break;
      bytes += bytesRead;
    }
    // Being written, most likely. Who wants the defaults needs no file, and who reloads must not get them by accident.
    if (bytes === 0) return { fault: 'the configuration file is empty' };
    if (bytes > maxFileBytes) return { fault: `the configuration file has more than ${maxFileBytes} bytes` };
    // It is being written: the next look finds it whole.
    if (bytes !== stat.size) return { fault: 'the configuration file changed while it was read' };
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, bytes)) };
  } catch (error) {
    if (error instanceof TypeError) return { fault: 'the configuration file is not UTF-8 text' };
    return { fault: 'the configuration file could not be read' };
  } finally {
    await file.close();
  }
}
