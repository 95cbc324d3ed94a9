/** The picture of a model: one bar per part, as wide as its share of the work, as dark as it is early. A table or a list with the same numbers stands beside it. */
export interface Part {
  readonly name: string;
  readonly share: number;
}

export function Silhouette({ parts, label }: { readonly parts: readonly Part[]; readonly label: string }) {
  const total = parts.reduce((sum, { share }) => sum + share, 0) || 1;
  const width = 320;
  const gap = 2;
  const room = width - gap * (parts.length - 1);
  let x = 0;
  return (
    <svg class="silhouette" viewBox={`0 0 ${width} 24`} preserveAspectRatio="none" role="img" aria-label={label}>
      {parts.map(({ name, share }, n) => {
        const own = Math.max(1, (room * share) / total);
        const at = x;
        x += own + gap;
        return (
          <rect key={name} x={at} y="0" width={own} height="24" fill="currentColor" opacity={0.85 - (0.6 * n) / Math.max(1, parts.length)}>
            <title>{name}</title>
          </rect>
        );
      })}
    </svg>
  );
}
