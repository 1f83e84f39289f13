// The response fields in which an app names its own host. Excludes bodies and values that browsers
// read as documents or policies, such as Content-Security-Policy.

/** Fields that contain references, alone or within other text. */
export type ReferenceField = 'location' | 'content-location' | 'refresh' | 'link' | 'challenge';
export type HostField = ReferenceField | 'cookie' | 'origin';

/**
 * Undefined: another field. Compares the length first, because most names need no
 * further comparison.
 */
export function hostFieldOf(name: string): HostField | undefined {
  switch (name.length) {
    case 4:
      return name.toLowerCase() === 'link' ? 'link' : undefined;
    case 7:
      return name.toLowerCase() === 'refresh' ? 'refresh' : undefined;
    case 8:
      return name.toLowerCase() === 'location' ? 'location' : undefined;
    case 10:
      return name.toLowerCase() === 'set-cookie' ? 'cookie' : undefined;
    case 16:
      return ofSixteen[name.toLowerCase()];
    case 27:
      return name.toLowerCase() === 'access-control-allow-origin' ? 'origin' : undefined;
    default:
      return undefined;
  }
}

const ofSixteen: Readonly<Record<string, HostField>> = {
  'content-location': 'content-location',
  'www-authenticate': 'challenge',
};
