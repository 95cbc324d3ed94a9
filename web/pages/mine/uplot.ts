/** The plotting library with its style sheet, as one part that is loaded when needed. */
import 'uplot/dist/uPlot.min.css';
export { default } from 'uplot';
