// Secrets in files, read by secret-file.ts.
import { dirname, resolve } from 'node:path';
import { showPath } from '../../schema/names.ts';
import { readSecretFile } from './secret-file.ts';
import type { SecretSource } from './secret-source.ts';

export const fileSource: SecretSource = {
  placeholder: 'PATH',
  field: 'none',
  description:
    'the content of a file without its final line ending; symbolic links are followed. A file that other users can change or replace is rejected ([the rules](security.md#private-files)); one that every user of the machine can read causes a warning, and is rejected for `portal.identity`',
  open:
    ({ files, workingDirectory, warn }) =>
    async ({ path }, { node, kind }) => {
      const { origin } = node;
      const base = origin.kind === 'file' ? dirname(resolve(workingDirectory, origin.file)) : workingDirectory;
      const file = resolve(base, path);
      await files.look(file);
      return readSecretFile(file, kind === 'private' ? 'private' : 'other', () => {
        const message = `${showPath(node.path)} is in ${JSON.stringify(file)}, which every user of this machine may read`;
        warn({ origin, message });
      });
    },
};
