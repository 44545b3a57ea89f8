# Draws, as SVG, what grows with what: from the tab-separated lines of bench/scale.sh and of the sizes that run.sh
# measures, on standard input or in files. -v what= says which drawing:
#
#   lists        time of a list against recordings in the store, a colour for each number of rows, p50 and p99 (default)
#   throughput   MiB/s of reading against the recording's size, a colour for sealreel and for its peer
#   latency      time of opening and reading all of it against the recording's size, p50 and p99
#
#   bench/scale.sh --recordings "10000 100000 1000000" | awk -f bench/plot.awk -v what=lists >lists.svg
BEGIN {
	FS = "\t"
	width = 680
	height = 400
	left = 70
	right = 150
	top = 20
	bottom = 50
	split("#1b6ca8 #c0392b #2e7d32 #8e44ad #b9770e", colours, " ")
	if (what == "")
		what = "lists"
	title_x = what == "lists" ? "recordings in the store" : "size of the recording"
	title_y = what == "lists" ? "a list, ms" : what == "latency" ? "opened and read whole, ms" : "read whole, MiB/s"
}

$1 == "list" && what == "lists" {
	rows = $3 == 1 ? "1 row" : $3 " rows"
	add(rows ", p50", $3, "", $2, $5)
	add(rows ", p99", $3, "5 4", $2, $6)
}
$1 == "size" && what == "latency" {
	add($3 ", p50", $3, "", $2, $5)
	add($3 ", p99", $3, "5 4", $2, $6)
}
$1 == "size" && what == "throughput" { add($3, $3, "", $2, $4) }

# A point of a line: its name, the kind that it has its colour from, how it is dashed.
function add(name, kind, dash, x, y) {
	if (x <= 0 || y <= 0)
		return
	if (!(kind in colour))
		colour[kind] = colours[kinds++ % 5 + 1]
	if (!(name in length_of)) {
		names[++lines] = name
		kind_of[name] = kind
		dash_of[name] = dash
	}
	xs[name, ++length_of[name]] = x
	ys[name, length_of[name]] = y
	if (!(x in tick))
		ticks[++tick_count] = x
	tick[x] = 1
	low_x = points && low_x < x ? low_x : x
	high_x = points && high_x > x ? high_x : x
	low_y = points && low_y < y ? low_y : y
	high_y = points && high_y > y ? high_y : y
	points++
}

function log10(value) {
	return log(value) / log(10)
}

# The power of ten at or below (at or above, if `up`) a value.
function decade(value, up) {
	return int(log10(value) + 1000 + (up ? 0.999999 : 1e-9)) - 1000
}

function x_of(value) {
	return left + (high_x > low_x ? log(value / low_x) / log(high_x / low_x) : 0.5) * (width - left - right)
}

function y_of(value) {
	return height - bottom - (log10(value) - first_y) / (last_y - first_y) * (height - top - bottom)
}

function text(x, y, anchor, words, fill) {
	printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">%s</text>\n", x, y, anchor, fill, words
}

# A number of recordings, or of bytes.
function size_name(value) {
	if (what == "lists")
		return value >= 1000000 ? value / 1000000 " million" : value
	return value >= 1073741824 ? value / 1073741824 " GiB" : value >= 1048576 ? value / 1048576 " MiB" : value / 1024 " KiB"
}

function axes(power, at) {
	for (power = first_y; power <= last_y; power++) {
		printf "<path d=\"M%.1f %.1fH%.1f\" stroke=\"#ddd\"/>\n", left, y_of(10 ^ power), width - right
		text(left - 6, y_of(10 ^ power) + 4, "end", 10 ^ power, "#333")
	}
	for (at = 1; at <= tick_count; at++) {
		printf "<path d=\"M%.1f %.1fV%.1f\" stroke=\"#ddd\"/>\n", x_of(ticks[at]), top, height - bottom
		text(x_of(ticks[at]), height - bottom + 18, "middle", size_name(ticks[at]), "#333")
	}
	text((left + width - right) / 2, height - 12, "middle", title_x, "#333")
	printf "<text transform=\"translate(16 %.1f) rotate(-90)\" text-anchor=\"middle\" fill=\"#333\">%s</text>\n",
		(top + height - bottom) / 2, title_y
}

# Where a line's name goes: beside its end, below any name that is there already.
function place(y, at, moved) {
	do {
		moved = 0
		for (at = 1; at <= placed; at++)
			if (y - places[at] < 14 && places[at] - y < 14) {
				y = places[at] + 14
				moved = 1
			}
	} while (moved)
	return places[++placed] = y
}

function draw(name, at, path, x, y) {
	for (at = 1; at <= length_of[name]; at++) {
		x = x_of(xs[name, at])
		y = y_of(ys[name, at])
		path = path sprintf("%s%.1f %.1f", path == "" ? "M" : "L", x, y)
		printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x, y, colour[kind_of[name]]
	}
	printf "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s/>\n", path, colour[kind_of[name]],
		dash_of[name] == "" ? "" : " stroke-dasharray=\"" dash_of[name] "\""
	text(x + 10, place(y + 4), "start", name, colour[kind_of[name]])
}

END {
	if (lines == 0) {
		print "plot.awk: there is nothing about " what " among these lines" >"/dev/stderr"
		exit 1
	}
	first_y = decade(low_y, 0)
	last_y = decade(high_y, 1)
	last_y += last_y == first_y
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n",
		width, height
	print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
	axes()
	for (line = 1; line <= lines; line++)
		draw(names[line])
	print "</svg>"
}
