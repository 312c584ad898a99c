/**
 * The provisioners that the gateway and the CLI ship with.
 * @module
 */
export { bundledProvisioners, registerBundledProvisioners } from './bundled-provisioners.ts';
