import { z } from 'zod';
import { ProvisionerError } from '../errors.ts';
import type { PackageJson } from './package-lookup.ts';
import { checkApiVersion } from './check-definition.ts';
import { formatOrigin, originCoordinates } from './provisioner-origin.ts';
import type { ProvisionerOrigin } from './provisioner-origin.ts';

/** The field of a package.json that offers provisioners. */
export const MANIFEST_KEY = 'gatewayProvisioners';

const manifestSchema = z.strictObject({
  apiVersion: z.number().optional(),
  provisioners: z
    .record(
      z.string().regex(/^[a-z0-9][a-z0-9._-]*$/, "use lower-case letters, digits, '.', '_' and '-'"),
      z.string().regex(/^\.(\/(?!\.\.?(\/|$))[^/]+)*$/, 'expected an entry point of the package: "." or "./name"'),
    )
    .refine((provisioners) => Object.keys(provisioners).length > 0, 'offers no provisioner'),
});

/**
 * What a package offers: entry point by provisioner name; undefined when it has no manifest.
 * Errors: `PROVISIONER_MANIFEST_INVALID`; `PROVISIONER_API_MISMATCH` when the manifest states another version.
 */
export function readManifest(found: PackageJson, origin: ProvisionerOrigin): ReadonlyMap<string, string> | undefined {
  const manifest = found.json[MANIFEST_KEY];
  if (manifest === undefined) return undefined;
  const result = manifestSchema.safeParse(manifest);
  if (!result.success) {
    const problems = result.error.issues.map(({ path, message }) => `${[MANIFEST_KEY, ...path].join('.')}: ${message}`);
    throw new ProvisionerError(
      'PROVISIONER_MANIFEST_INVALID',
      `package.json of ${formatOrigin(origin)}: ${problems.join('; ')}`,
      { coordinates: originCoordinates(origin), cause: result.error },
    );
  }
  if (result.data.apiVersion !== undefined) checkApiVersion(result.data.apiVersion, origin);
  return new Map(Object.entries(result.data.provisioners));
}
