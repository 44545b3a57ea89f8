# Makes the table, whose lines rows.awk names, and the JSON file (named by -v json=) of a run from its files: facts,
# memory, refusals, rotation, scale, sizes, calls and samples.
# A ratio is taken within each round; what is printed of anything is the median of the rounds, with the extremes.
BEGIN {
	FS = "\t"
}

# A line of the table. A measure without a peer is held against its bounds by itself, the others by the ratio; without
# a title it has that of the line before.
function row(measure, peer, title, better, least, goal) {
	row_measure[rows] = measure
	row_peer[rows] = peer
	row_title[rows] = title == "" ? row_title[rows - 1] : title
	row_better[rows] = better
	row_least[rows] = least
	row_goal[rows] = goal
	rows++
}

FILENAME ~ /facts$/ {
	if (!($1 in section_size))
		section_size[$1] = 0
	section_name[$1, section_size[$1]] = $2
	fact[$1, $2] = $3
	section_size[$1]++
}
FILENAME ~ /memory$/ { split_words($0) }
FILENAME ~ /refusals$/ { refusal[refusals++] = $0 }
FILENAME ~ /rotation$/ {
	rotation_low[$1] = $(NF - 2)
	rotation[$1] = $(NF - 1)
	rotation_high[$1] = $NF
}
FILENAME ~ /(scale|sizes)$/ { scale[scales++] = $0 }
FILENAME ~ /calls$/ && /^streams / { streams = words_after_name($0, 1) }
FILENAME ~ /calls$/ && /^due to acknowledged/ { acknowledged = words_after_name($0, 5) }
FILENAME ~ /samples$/ { sample[$1, $2, ++count[$1, $2]] = $3 }

# The so-many-th word behind the first.
function words_after_name(line, number, words) {
	split(line, words, / +/)
	return words[number + 1]
}

function split_words(line, words, i, n, at) {
	n = split(line, words, " ")
	for (i = 1; i <= n; i++) {
		at = index(words[i], "=")
		memory[substr(words[i], 1, at - 1)] = substr(words[i], at + 1)
	}
}

# Sort values[1..n] in place.
function sort(values, n, i, j, v) {
	for (i = 2; i <= n; i++) {
		v = values[i] + 0
		for (j = i - 1; j > 0 && values[j] > v; j--)
			values[j + 1] = values[j]
		values[j + 1] = v
	}
}

function median_of(values, n) {
	sort(values, n)
	return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
}

function median(measure, subject, values, n, i) {
	n = count[measure, subject]
	for (i = 1; i <= n; i++)
		values[i] = sample[measure, subject, i] + 0
	return median_of(values, n)
}

# The ratio of sealreel to the peer: its median, with its extremes in ratio_low and ratio_high.
function ratio(measure, peer, values, n, i, middle) {
	n = count[measure, peer]
	for (i = 1; i <= n; i++)
		values[i] = sample[measure, peer, i] > 0 ? sample[measure, "sealreel", i] / sample[measure, peer, i] : 0
	middle = median_of(values, n)
	ratio_low = values[1]
	ratio_high = values[n]
	return middle
}

function reached(value, better, wanted) {
	if (wanted == "")
		return "-"
	return sprintf("%s%s %s", better, wanted, (better == ">=" ? value >= wanted : value <= wanted) ? "yes" : "NO")
}

function number(value) {
	return value >= 100 ? sprintf("%.0f", value) : sprintf("%.2f", value)
}

function print_row(i, measure, peer, r) {
	measure = row_measure[i]
	peer = row_peer[i]
	if (peer == "") {
		if (count[measure, "sealreel"])
			print_bound(row_title[i], median(measure, "sealreel"), row_least[i], row_goal[i], measure)
		return
	}
	if (!count[measure, "sealreel"])
		return
	if (!count[measure, peer]) {
		printf "| %-34s | %9s | %-23s | not measured: %s |\n", row_title[i],
			number(median(measure, "sealreel")), peer, fact["missing", peer]
		return
	}
	r = ratio(measure, peer)
	printf "| %-34s | %9s | %-15s %7s | %5.2f | %5.2f - %5.2f | %-10s | %-10s |\n", row_title[i],
		number(median(measure, "sealreel")), peer, number(median(measure, peer)), r, ratio_low, ratio_high,
		reached(r, row_better[i], row_least[i]), reached(r, row_better[i], row_goal[i])
}

# The extremes of what sealreel alone was measured at, if it was more than once.
function extremes(measure, values, n, i) {
	n = count[measure, "sealreel"]
	for (i = 1; i <= n; i++)
		values[i] = sample[measure, "sealreel", i] + 0
	sort(values, n)
	return n > 1 ? number(values[1]) " - " number(values[n]) : "-"
}

# A line of the table whose figure is of sealreel alone; its spread, of a measure of the rounds or given, is of itself.
function print_bound(title, value, least, goal, measure, spread) {
	printf "| %-34s | %9s | %-23s | %5s | %-13s | %-10s | %-10s |\n", title, number(value), "-", "-",
		measure != "" ? extremes(measure) : spread != "" ? spread : "-",
		reached(value, "<=", least), reached(value, "<=", goal)
}

function print_others(i, cells) {
	printf "| %-34s | %9s | %-15s %7s | %5.2f | %5.2f - %5.2f | %-10s | %-10s |\n", "rotation, rows/s",
		number(rotation["rotate"]), "lmdb", number(rotation["lmdb"]), rotation["ratio"], rotation_low["ratio"],
		rotation_high["ratio"], reached(rotation["ratio"] + 0, ">=", 0.25), reached(rotation["ratio"] + 0, ">=", 0.5)
	for (i = 0; i < scales; i++) {
		split(scale[i], cells, "\t")
		if (cells[1] == "list") {
			print_bound("list of " cells[3] " of " cells[2] ", p99 ms", cells[6] + 0,
				cells[3] == 50 ? 2 : "", cells[3] == 50 ? 1 : "", "",
				number(cells[10] + 0) " - " number(cells[11] + 0))
			if (cells[3] == 50)
				print_bound("  a patient\047s first, p50 ms", cells[8] + 0, "", "")
		} else if (cells[1] == "lists")
			print_bound("lists of " cells[3] " of " cells[2] ", each s", cells[4] + 0, "", "")
		else if (cells[1] == "start")
			print_bound("start, " cells[3] ", of " cells[2] ", ms", cells[5] + 0, "", "")
	}
	if (acknowledged != "")
		print_bound(streams " calls, acknowledged, p99 ms", acknowledged + 0, 1500, 1000)
}

function print_refusals(i, cells) {
	print "| refused, in microseconds | count | p1 | p10 | p25 | p50 | p75 | p90 | p99 | distance |"
	print "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
	for (i = 0; i < refusals; i++) {
		split(refusal[i], cells, "\t")
		printf "| %-16s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", cells[1] " " cells[2], cells[3],
			cells[4], cells[5], cells[6], cells[7], cells[8], cells[9], cells[10], cells[11]
	}
}

function print_memory(most) {
	most = memory["in"] + 0 > memory["out"] + 0 ? memory["in"] : memory["out"]
	printf "\nmemory of the daemon, %s in and out: at most %s MiB in, %s MiB out; idle %s MiB\n", memory["size"],
		memory["in"], memory["out"], memory["idle"]
	printf "bound: under %s MiB: %s\n\n", memory["bound"], (most + 0 < memory["bound"] + 0 ? "yes" : "NO")
}

function print_table(i) {
	printf "%s, commit %s\n", fact["run", "date"], fact["run", "commit"]
	printf "%s, %s cores, of which the host used %s; %s; %s, %s, %s for TCP; load before %s, after %s\n", fact["machine", "processor"],
		fact["machine", "cores"], fact["machine", "used_by_host"], fact["machine", "memory"], fact["machine", "kernel"],
		fact["machine", "filesystem"], fact["machine", "congestion_control"], fact["machine", "load_before"],
		fact["machine", "load_after"]
	printf "%s per turn, %s rounds, clients by %s\n\n", fact["run", "size"], fact["run", "rounds"],
		fact["run", "transport"]
	print "| what | sealreel | peer | ratio | spread | at least | goal |"
	print "| --- | --- | --- | --- | --- | --- | --- |"
	for (i = 0; i < rows; i++)
		print_row(i)
	print_others()
	print_memory()
	print_refusals()
}

function quote(text) {
	gsub(/\\/, "\\\\", text)
	gsub(/"/, "\\\"", text)
	return "\"" text "\""
}

function json_section(name, i, out) {
	for (i = 0; i < section_size[name]; i++)
		out = out (i ? ", " : "") quote(section_name[name, i]) ": " quote(fact[name, section_name[name, i]])
	return quote(name) ": {" out "}"
}

function json_samples(key, parts, i, out, first) {
	for (key in count) {
		split(key, parts, SUBSEP)
		out = out (first++ ? ",\n    " : "") quote(parts[1] " " parts[2]) ": ["
		for (i = 1; i <= count[key]; i++)
			out = out (i > 1 ? ", " : "") (sample[parts[1], parts[2], i] + 0)
		out = out "]"
	}
	return "\"samples\": {\n    " out "\n  }"
}

function json_memory(name, out, first) {
	for (name in memory)
		out = out (first++ ? ", " : "") quote(name) ": " quote(memory[name])
	return "\"memory_mib\": {" out "}"
}

function json_scale(i, j, n, cells, out) {
	for (i = 0; i < scales; i++) {
		n = split(scale[i], cells, "\t")
		out = out (i ? ",\n    " : "") "[" quote(cells[1])
		for (j = 2; j <= n; j++)
			out = out ", " (cells[j] ~ /^[0-9.]+$/ ? cells[j] : quote(cells[j]))
		out = out "]"
	}
	return "\"scale\": [\n    " out "\n  ]"
}

function json_rotation() {
	return sprintf("\"rotation\": {\"rows_per_s\": [%s, %s, %s], \"lmdb_rows_per_s\": [%s, %s, %s], \"ratio\": [%s, %s, %s]}",
		rotation_low["rotate"], rotation["rotate"], rotation_high["rotate"], rotation_low["lmdb"], rotation["lmdb"],
		rotation_high["lmdb"], rotation_low["ratio"], rotation["ratio"], rotation_high["ratio"])
}

function json_calls() {
	return "\"calls\": {" (acknowledged == "" ? "" : "\"streams\": " streams ", \"p99_ms\": " acknowledged) "}"
}

function json_refusals(i, j, n, cells, out) {
	for (i = 0; i < refusals; i++) {
		n = split(refusal[i], cells, "\t")
		out = out (i ? ",\n    " : "") "[" quote(cells[1]) ", " quote(cells[2])
		for (j = 3; j <= n; j++)
			out = out ", " cells[j]
		out = out "]"
	}
	return "\"refusals\": [\n    " out "\n  ]"
}

END {
	print_table()
	printf "{\n  %s,\n  %s,\n  %s,\n  %s,\n  %s,\n  %s,\n  %s,\n  %s,\n  %s,\n  %s\n}\n", json_section("run"), json_section("machine"),
		json_section("versions"), json_section("missing"), json_memory(), json_refusals(), json_rotation(),
		json_scale(), json_calls(), json_samples() >json
	close(json)
}
