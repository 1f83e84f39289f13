// A plugin of the bundler that writes the licences of the bundled packages beside the bundle, as
// these licences require.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rolldown } from 'tsdown';

/** The licences of packages that come without a licence file, beside this file. */
const withoutFile: Readonly<Record<string, string>> = { '@bufbuild/protobuf': 'bufbuild-protobuf-license.txt' };

/** Fails the build if the licence of a package in the bundle is not known. */
export function bundledLicenses(): Rolldown.Plugin {
  return {
    name: 'bundled-licenses',
    generateBundle(_, bundle) {
      const modules = Object.values(bundle).flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
      const folders = [...new Set(modules.map(packageFolder))].filter((folder) => folder !== undefined).sort();
      this.emitFile({ type: 'asset', fileName: 'licenses.txt', source: folders.map(licenseOf).join('\n') });
    },
  };
}

function packageFolder(module: string): string | undefined {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(module)?.[0];
}

function licenseOf(folder: string): string {
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageName;
  const own = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
  const kept = withoutFile[name];
  if (own === undefined && kept === undefined) throw new Error(`${name} is in the bundle, but has no licence file`);
  const file = own === undefined ? join(import.meta.dirname, kept ?? '') : join(folder, own);
  return `${name} ${version}\n\n${readFileSync(file, 'utf8').trim()}\n`;
}

interface PackageName {
  readonly name: string;
  readonly version: string;
}
