# Draws how lists grow with the store as SVG, from the lines that bench/scale.sh prints (tab-separated on standard input
# or in files): time against recordings, both logarithmic; a colour for each number of rows, p50 drawn through, p99 dashed.
#
#   bench/scale.sh --recordings "10000 100000 1000000" | awk -f bench/plot.awk >lists.svg
BEGIN {
	FS = "\t"
	width = 640
	height = 400
	left = 70
	right = 120
	top = 20
	bottom = 50
	split("#1b6ca8 #c0392b #2e7d32 #8e44ad #b9770e", colours, " ")
	points = 0
	low_x = low_y = 1e99
	high_x = high_y = 0
}

$1 == "list" && $2 > 0 && $5 > 0 && $6 > 0 {
	size[points] = $2
	rows[points] = $3
	p50[points] = $5
	p99[points] = $6
	if (!($3 in colour))
		colour[order[++kinds] = $3] = colours[(kinds - 1) % 5 + 1]
	low_x = $2 < low_x ? $2 : low_x
	high_x = $2 > high_x ? $2 : high_x
	low_y = $5 < low_y ? $5 : low_y
	high_y = $6 > high_y ? $6 : high_y
	points++
}

function log10(value) {
	return log(value) / log(10)
}

# The power of ten at or below (at or above, if `up`) a value.
function decade(value, up, whole) {
	whole = int(log10(value) + 1000 + (up ? 0.999999 : 1e-9)) - 1000
	return whole
}

function x_of(value) {
	return left + (log10(value) - first_x) / (last_x - first_x) * (width - left - right)
}

function y_of(value) {
	return height - bottom - (log10(value) - first_y) / (last_y - first_y) * (height - top - bottom)
}

function text(x, y, anchor, words, fill) {
	printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">%s</text>\n", x, y, anchor, fill, words
}

function axes(power) {
	for (power = first_y; power <= last_y; power++) {
		printf "<path d=\"M%.1f %.1fH%.1f\" stroke=\"#ddd\"/>\n", left, y_of(10 ^ power), width - right
		text(left - 6, y_of(10 ^ power) + 4, "end", 10 ^ power, "#333")
	}
	for (power = first_x; power <= last_x; power++) {
		printf "<path d=\"M%.1f %.1fV%.1f\" stroke=\"#ddd\"/>\n", x_of(10 ^ power), top, height - bottom
		text(x_of(10 ^ power), height - bottom + 18, "middle", sprintf("%d", 10 ^ power), "#333")
	}
	text((left + width - right) / 2, height - 12, "middle", "recordings in the store", "#333")
	printf "<text transform=\"translate(16 %.1f) rotate(-90)\" text-anchor=\"middle\" fill=\"#333\">a list, ms</text>\n",
		(top + height - bottom) / 2
}

# One line through all sizes: `of` has its values, `dash` how it is drawn.
function line(of, kind, dash, at, path, last) {
	for (at = 0; at < points; at++) {
		if (rows[at] != kind)
			continue
		path = path sprintf("%s%.1f %.1f", path == "" ? "M" : "L", x_of(size[at]), y_of(of[at]))
		printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x_of(size[at]), y_of(of[at]), colour[kind]
		last = at
	}
	printf "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s/>\n", path, colour[kind], dash
	text(x_of(size[last]) + 8, y_of(of[last]) + 4, "start", kind " rows, " (dash == "" ? "p50" : "p99"), colour[kind])
}

END {
	if (points == 0) {
		print "plot.awk: there is no list among these lines" >"/dev/stderr"
		exit 1
	}
	first_x = decade(low_x, 0)
	last_x = decade(high_x, 1)
	first_y = decade(low_y, 0)
	last_y = decade(high_y, 1)
	last_x += last_x == first_x
	last_y += last_y == first_y
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n",
		width, height
	print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
	axes()
	for (at = 1; at <= kinds; at++) {
		line(p50, order[at], "")
		line(p99, order[at], " stroke-dasharray=\"5 4\"")
	}
	print "</svg>"
}
