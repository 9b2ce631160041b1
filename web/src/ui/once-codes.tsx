import './once-codes.css';

/** Codes that are shown this once, to be written down. */
export function OnceCodes({ codes }: { codes: readonly string[] }) {
  return (
    <ul class="card once-codes mono">
      {codes.map((code) => (
        <li key={code}>{code}</li>
      ))}
    </ul>
  );
}
