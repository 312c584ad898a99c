# What every bin/run.sh begins with, in POSIX sh. Values of variables are data: a text of options is taken apart word by
# word, and is never handed to the shell as a program.
set -f
name_letters=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_
tab='	'
newline='
'

fail() {
  printf 'run.sh: %s\n' "$*" >&2
  exit 1
}

# True for a name of a variable.
is_name() {
  case $1 in
    '' | [0123456789]* | *[!$name_letters]*) return 1 ;;
  esac
}

# Puts the value of the variable $1, or nothing, into $value. $1 is a name that was checked or stands in this file.
value_of() {
  eval "value=\${$1-}"
}

# Fails unless each of the variables is set.
require() {
  for variable; do
    value_of "$variable"
    [ -n "$value" ] || fail "$variable must be set"
  done
}

# What comes from whoever asks for the kernel, and stands inside options, must be one plain word.
require_plain() {
  for variable; do
    value_of "$variable"
    case $value in
      -* | '#'* | *' '* | *"$tab"* | *"$newline"* | *"'"* | *'"'* | *'\'* | *'$'* | *'`'*)
        fail "$variable cannot be used: it has a blank, a quote, a backslash, '\$' or a backtick, or begins with '-' or '#'"
        ;;
    esac
  done
}

# The first character of $rest moves to $char.
next_char() {
  char=${rest%"${rest#?}"}
  rest=${rest#?}
}

# After a '$': adds what it stands for to $word. A variable whose name ends in _OPTS is itself a text of options and
# takes its place in $rest; the value of any other is one piece, whatever is in it.
expand() {
  default=
  case $rest in
    '('*) refuse_command ;;
    '{'*'}'*)
      name=${rest#?}
      name=${name%%'}'*}
      rest=${rest#*'}'}
      case $name in
        *:-*)
          default=${name#*:-}
          name=${name%%:-*}
          ;;
      esac
      is_name "$name" || fail "$reading uses \${$name}: only \${NAME} and \${NAME:-text} are understood"
      ;;
    [!0123456789]*)
      name=
      while
        case $rest in
          [$name_letters]*) true ;;
          *) false ;;
        esac
      do
        next_char
        name=$name$char
      done
      ;;
    *) name= ;;
  esac
  if [ -z "$name" ]; then
    word=$word\$ begun=1
    return
  fi
  value_of "$name"
  [ -n "$value" ] || value=$default
  case $quote$name in
    \"*) word=$word$value ;;
    *_OPTS)
      nested=$((nested + 1))
      [ "$nested" -le 20 ] || fail "$reading refers to itself"
      rest=$value$rest
      ;;
    *)
      word=$word$value
      [ -z "$value" ] || begun=1
      ;;
  esac
}

refuse_command() {
  fail "$reading asks for a command to be run, with a backtick or \$(...): give its result instead"
}

# Begins to read the text of options in the variable $1.
read_options() {
  reading=$1 nested=0
  value_of "$1"
  rest=$value
}

# Moves the next word of the text to $word; false at its end. Quotes and backslashes mean what they mean to a shell.
next_word() {
  word='' quote='' begun=''
  while [ -n "$rest" ]; do
    next_char
    if [ "$quote" = "'" ] && [ "$char" != "'" ]; then
      word=$word$char
      continue
    fi
    case $char in
      "'" | '"')
        case $quote in
          '') quote=$char begun=1 ;;
          "$char") quote='' ;;
          *) word=$word$char ;;
        esac
        ;;
      '\')
        [ -n "$rest" ] || fail "$reading ends with a backslash"
        next_char
        # Between double quotes a backslash before any other character is a backslash.
        if [ -n "$quote" ]; then
          case $char in
            '"' | '\' | '$' | '`') ;;
            *) word=$word\\ ;;
          esac
        fi
        word=$word$char begun=1
        ;;
      '`') refuse_command ;;
      '$') expand ;;
      ' ' | "$tab" | "$newline")
        if [ -n "$quote" ]; then
          word=$word$char
        elif [ -n "$begun" ]; then
          return 0
        fi
        ;;
      *) word=$word$char begun=1 ;;
    esac
  done
  [ -z "$quote" ] || fail "$reading has no closing $quote"
  [ -n "$begun" ]
}

# Puts the one file that the pattern $1 matches into $found.
find_one() {
  found=''
  fields=$IFS
  # The pattern is expanded, but not split at blanks.
  IFS=''
  set +f
  for file in $1; do
    [ -f "$file" ] || fail "$1 is missing"
    [ -z "$found" ] || fail "$1 matches more than one file: $found and $file"
    found=$file
  done
  set -f
  IFS=$fields
}
