/** docker-modem has no types; the client checks what it needs of it. */
declare module 'docker-modem' {
  const Modem: unknown;
  export { Modem as default };
}
