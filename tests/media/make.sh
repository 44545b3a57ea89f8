#!/usr/bin/env bash
# Makes the two media files of this directory, a consultation that turns from audio to video in mid-call:
#
#   call-audio.webm   24 s of Opus, mono, 32 kbit/s: a buzz of voice-like harmonics in syllables and pauses
#   call-video.webm   22 s of VP8, 320x240, about 400 kbit/s: a moving test picture with a running clock
#
# Both are committed, so that tests need no ffmpeg; run this only to change them. Nothing in them was recorded from
# anybody. One thread and bit-exact muxing make a second run with the same ffmpeg give the same bytes.
set -euo pipefail
cd "$(dirname "$0")"

exact=(-map_metadata -1 -fflags +bitexact -flags +bitexact -threads 1)

# A glottal buzz at about 120 Hz whose pitch wanders, opened four times a second, silent for a part of every 4 s.
pitch='2*PI*(118*t+3*sin(2*PI*0.7*t))'
voice="(sin($pitch)+0.7*sin(2*$pitch)+0.5*sin(3*$pitch)+0.4*sin(5*$pitch)+0.3*sin(9*$pitch)+0.2*sin(17*$pitch))"
syllables='pow(abs(sin(2*PI*2.1*t)),1.5)*(0.6+0.4*sin(2*PI*0.31*t))*lt(mod(t,4),3.2)'
sound="0.22*$voice*$syllables+0.004*(random(0)-0.5)"

ffmpeg -nostdin -v error -y -f lavfi -i "aevalsrc=${sound//,/\\,}:s=48000:d=24" \
	-c:a libopus -b:a 32k -vbr constrained -application voip -ac 1 "${exact[@]}" \
	-cluster_time_limit 1000 -f webm call-audio.webm

ffmpeg -nostdin -v error -y -f lavfi -i 'testsrc2=size=320x240:rate=15:duration=22' \
	-c:v libvpx -deadline good -cpu-used 2 -b:v 400k -minrate 300k -maxrate 500k -bufsize 400k -g 30 -pix_fmt yuv420p \
	"${exact[@]}" -cluster_time_limit 1000 -f webm call-video.webm

ls -l call-audio.webm call-video.webm
