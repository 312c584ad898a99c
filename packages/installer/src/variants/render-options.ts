export interface RenderOptions {
  /** Absolute path of the folder that a kernelspec of that name will be in. */
  readonly folder: (name: string) => string;
}
