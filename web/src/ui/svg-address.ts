/** A picture that the box drew, as an address: nothing in it runs, whatever it says. */
export function svgAddress(svg: string): string {
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
