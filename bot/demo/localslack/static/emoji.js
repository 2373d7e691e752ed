// The emoji that bots use, by Slack's names.

const TABLE = `
red_circle 🔴|large_orange_circle 🟠|large_yellow_circle 🟡|large_green_circle 🟢|large_blue_circle 🔵
large_purple_circle 🟣|black_circle ⚫|white_circle ⚪|large_red_square 🟥|large_orange_square 🟧
large_yellow_square 🟨|large_green_square 🟩|white_large_square ⬜|black_large_square ⬛|warning ⚠️
rotating_light 🚨|fire 🔥|bell 🔔|no_bell 🔕|mega 📣|loudspeaker 📢|white_check_mark ✅
heavy_check_mark ✔️|ballot_box_with_check ☑️|x ❌|heavy_multiplication_x ✖️|no_entry ⛔
no_entry_sign 🚫|octagonal_sign 🛑|question ❓|grey_question ❔|exclamation ❗|bangbang ‼️
information_source ℹ️|hourglass ⌛|hourglass_flowing_sand ⏳|stopwatch ⏱️|alarm_clock ⏰|clock1 🕐
clock3 🕒|repeat 🔁|arrows_counterclockwise 🔄|arrow_right ➡️|arrow_left ⬅️|arrow_up ⬆️
arrow_down ⬇️|arrow_forward ▶️|double_vertical_bar ⏸️|pause_button ⏸️|black_square_for_stop ⏹️
fast_forward ⏩|zzz 💤|sleeping 😴|mute 🔇|speaker 🔈|sound 🔉|eyes 👀|eye 👁️|wave 👋|pray 🙏
+1 👍|thumbsup 👍|-1 👎|thumbsdown 👎|ok_hand 👌|clap 👏|raised_hands 🙌|muscle 💪|point_right 👉
tada 🎉|sparkles ✨|star ⭐|bulb 💡|rocket 🚀|hammer 🔨|wrench 🔧|hammer_and_wrench 🛠️|gear ⚙️
toolbox 🧰|mag 🔍|mag_right 🔎|link 🔗|lock 🔒|unlock 🔓|key 🔑|shield 🛡️|bug 🐛|robot_face 🤖
ghost 👻|skull 💀|boom 💥|zap ⚡|snowflake ❄️|sunny ☀️|cloud ☁️|umbrella ☔|heart ❤️
green_heart 💚|broken_heart 💔|100 💯|chart_with_upwards_trend 📈|chart_with_downwards_trend 📉
bar_chart 📊|clipboard 📋|memo 📝|pencil 📝|pencil2 ✏️|page_facing_up 📄|file_folder 📁
open_file_folder 📂|package 📦|inbox_tray 📥|outbox_tray 📤|wastebasket 🗑️|broom 🧹
envelope ✉️|email 📧|calendar 📆|date 📅|pushpin 📌|paperclip 📎|book 📖|books 📚|label 🏷️
bookmark 🔖|computer 💻|desktop_computer 🖥️|floppy_disk 💾|electric_plug 🔌|battery 🔋
satellite 📡|construction 🚧|ambulance 🚑|helmet_with_white_cross ⛑️|adhesive_bandage 🩹
syringe 💉|stethoscope 🩺|busts_in_silhouette 👥|bust_in_silhouette 👤|smile 😄|slightly_smiling_face 🙂
thinking_face 🤔|sweat_smile 😅|joy 😂|cry 😢|scream 😱|face_with_monocle 🧐|checkered_flag 🏁
small_red_triangle 🔺|small_red_triangle_down 🔻|large_blue_diamond 🔷|radio_button 🔘
speech_balloon 💬|thread 🧵|leftwards_arrow_with_hook ↩️|recycle ♻️|infinity ♾️|1234 🔢`;

const EMOJI = new Map(
  TABLE.trim().split(/[|\n]/).map((pair) => pair.trim().split(" ")),
);

export const emoji = (name) => EMOJI.get(name) ?? null;

export const withEmoji = (text) =>
  text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => emoji(name) ?? whole);
