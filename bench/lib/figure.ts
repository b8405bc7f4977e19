import type { Ratio } from './ratio.ts';

/** One line of the report. */
export interface Figure {
  name: string;
  value: number;
  unit: 'ratio' | 'ms' | 'MB' | '/s' | 'kinds';
  aim?: { at: 'least' | 'most'; value: number };
  /** Beyond doubt, and not for the machine's noise: the run ends with an error. */
  fails?: boolean;
  /** What the figure was made of. */
  detail: string;
}

/** A ratio with its spread and both sides, these in `unit` (such as `/s`). */
export function ratioFigure(name: string, ratio: Ratio, options: { unit: string; aim?: Figure['aim'] }): Figure {
  const { value, lowest, highest, ours, theirs } = ratio;
  const spread = `rounds ${lowest.toFixed(2)} to ${highest.toFixed(2)}`;
  const detail = `${number(ours)}${options.unit} against ${number(theirs)}${options.unit}; ${spread}`;
  return { name, value, unit: 'ratio', detail, ...(options.aim && { aim: options.aim }) };
}

/** A number for people: three digits at least, no noise behind them. */
export function number(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

const NAME_WIDTH = 66;
const VALUE_WIDTH = 9;
const AIM_WIDTH = 10;
const VERDICT_WIDTH = 8;

/** The title of the columns that `formatFigure` fills. */
export const HEADING = row('', 'measured', 'aim', '', 'of what');

/** One line for the terminal. */
export function formatFigure({ name, value, unit, aim, fails, detail }: Figure): string {
  const text = (amount: number) => (unit === 'ratio' ? amount.toFixed(2) : `${number(amount)} ${unit}`);
  if (!aim) return row(name, text(value), '', '', detail);
  const reached = aim.at === 'least' ? value >= aim.value : value <= aim.value;
  const sign = aim.at === 'least' ? '≥' : '≤';
  const goal = unit === 'ratio' ? `${aim.value}` : `${aim.value} ${unit}`;
  return row(name, text(value), `${sign} ${goal}`, fails ? 'FAILS' : reached ? 'reached' : 'SHORT', detail);
}

function row(name: string, value: string, aim: string, verdict: string, detail: string): string {
  const columns = [name.padEnd(NAME_WIDTH), value.padStart(VALUE_WIDTH), aim.padStart(AIM_WIDTH)];
  return `${columns.join('  ')}  ${verdict.padEnd(VERDICT_WIDTH)}  ${detail}`;
}
