/** Where a provisioner comes from. */
export interface ProvisionerOrigin {
  /**
   * - `registered`: by code, which includes the ones that ship with an application
   * - `configured`: named in the configuration
   * - `discovered`: found in the manifest of a dependency
   */
  readonly kind: 'registered' | 'configured' | 'discovered';
  /** Package name or, for configured files, what the configuration says. */
  readonly package?: string | undefined;
  readonly version?: string | undefined;
  /** The module that is imported. */
  readonly path?: string | undefined;
  /** Where the configuration names it: `provisioners.nomad-provisioner`. */
  readonly setting?: string | undefined;
}

/** A provisioner that is imported when a kernelspec first needs it. */
export interface LazyProvisioner {
  /** The name that kernelspecs use. */
  readonly name: string;
  readonly origin: ProvisionerOrigin;
  /** Gives the definition, or a module whose default export it is: `() => import('…')`. */
  load(): Promise<unknown>;
}

/** `package@1.2.3 (/path, named in provisioners.name)`, for messages. */
export function formatOrigin(origin: ProvisionerOrigin): string {
  const version = origin.version === undefined ? '' : `@${origin.version}`;
  const setting = origin.setting === undefined ? undefined : `named in ${origin.setting}`;
  const place = [origin.path, setting].filter((part) => part !== undefined).join(', ');
  return `${origin.package ?? `${origin.kind} by code`}${version}${place === '' ? '' : ` (${place})`}`;
}

export function originCoordinates(origin: ProvisionerOrigin): Readonly<Record<string, string | undefined>> {
  return { package: origin.package, version: origin.version, path: origin.path, setting: origin.setting };
}
