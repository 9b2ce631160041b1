import type { ReplyOf } from '../ask/ask.ts';
import { home as t } from '../text/en/home.ts';
import { clock } from '../text/format.ts';

type Night = ReplyOf<'GET /api/home'>['night'];

const width = 448;
const left = 112;
const laneHeight = 27;
const markMin = 3;
const markMax = 8;
const ticks = 4;
const nameCharsMax = 15;

/** One lane a phone, one mark an arrival; its words are the list of phones below, so it is only a picture. */
export function NightStrip({ night }: { night: Night }) {
  const { from, to, lanes, others } = night;
  const most = Math.max(1, ...lanes.flatMap(({ bursts }) => bursts.map(({ count }) => count)));
  const x = (at: number) => left + ((at - from) / (to - from)) * (width - left - markMax);
  const height = lanes.length * laneHeight + 24;
  return (
    <svg class="home-strip" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={t.strip}>
      {lanes.map(({ phone, name, bursts }, at) => {
        const y = at * laneHeight + laneHeight / 2;
        return (
          <g key={phone}>
            <text x="0" y={y + 4} fill="#fff" font-size="13">
              {name.length > nameCharsMax ? `${name.slice(0, nameCharsMax - 1)}…` : name}
            </text>
            <line x1={left} x2={width} y1={y} y2={y} stroke="#fff" stroke-opacity="0.14" />
            {bursts.map((burst) => (
              <circle
                key={burst.at}
                cx={x(burst.at)}
                cy={y}
                r={markMin + (markMax - markMin) * Math.sqrt(burst.count / most)}
                fill="#fbe3b4"
              />
            ))}
          </g>
        );
      })}
      {Array.from({ length: ticks }, (_, at) => from + ((to - from) * at) / (ticks - 1)).map((at, index) => (
        <text
          key={at}
          x={x(at)}
          y={height - 4}
          fill="#dce1f0"
          font-size="12"
          text-anchor={index === 0 ? 'start' : index === ticks - 1 ? 'end' : 'middle'}
        >
          {clock(at)}
        </text>
      ))}
      {others > 0 && (
        <text x="0" y={height - 4} fill="#dce1f0" font-size="12">
          {t.others(others)}
        </text>
      )}
    </svg>
  );
}
