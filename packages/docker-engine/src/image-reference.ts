/** An image's name as `POST /images/create` wants it: what is after the last colon, or the digest, apart. */
export function imageReference(image: string): { readonly fromImage: string; readonly tag: string } {
  const at = image.indexOf('@');
  if (at > 0 && at < image.length - 1) return { fromImage: image.slice(0, at), tag: image.slice(at + 1) };
  const colon = image.lastIndexOf(':');
  // A colon before the last slash belongs to the registry's port.
  const hasTag = colon > image.lastIndexOf('/') && colon < image.length - 1;
  if (hasTag) return { fromImage: image.slice(0, colon), tag: image.slice(colon + 1) };
  // Without a tag, or with an empty one, the engine would fetch all of them.
  return { fromImage: image, tag: 'latest' };
}
