"""命令进行当中说的话和问的问题。"""

TALK = {
    # Between several things of one kind.
    "list.comma": "、",
    # Asking.
    "ask.passphrase": "密码：",
    "ask.new-passphrase": "新密码：",
    "ask.again": "再输入一次：",
    "ask.passphrase-hint": "四五个互不相干的词连在一起，既牢靠又好记。",
    "ask.passphrase-short": "这个密码太容易被猜到。请至少用 {shortest} 个字母（一个汉字算两个）。",
    "ask.passphrase-differs": "两次输入的不一样，请重新输入。",
    "ask.passphrase-wrong": "这个密码打不开保险库，请再试一次。",
    "ask.file-is-open-to-others": "这台电脑的其他用户也能读取“{path}”。",
    "ask.yes-default": "[是/否，直接回车为“是”]",
    "ask.no-default": "[是/否，直接回车为“否”]",
    "ask.yes-words": "是 好 y yes",
    "ask.no-words": "否 不 n no",
    "ask.number": "编号（1-{last}）：",
    # Progress.
    "stage.work": "正在处理",
    "stage.check-files": "正在检查文件",
    "stage.check-snapshots": "正在检查快照",
    "stage.restore": "正在恢复",
    "progress.files": "{files} 个文件",
    "progress.rate": "{rate:size}/秒",
    "progress.left": "大约还要 {left:span}",
}
