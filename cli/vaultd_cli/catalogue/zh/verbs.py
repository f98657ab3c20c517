"""帮助的框架、各个命令和选项。"""

VERBS = {
    # The frame of --help.
    "help.usage": "用法：",
    "help.commands": "命令：",
    "help.options": "选项：",
    "help.everywhere": "每个命令都有的选项：",
    "help.unlocking": "打开保险库（不写时询问密码）：",
    "help.begin": "开始：",
    "help.save": "保存：",
    "help.look": "查看：",
    "help.get-back": "取回：",
    "help.keep-safe": "保持安全：",
    "help.other": "其他：",
    "option.help": "显示这份帮助。",
    "option.json": "用 JSON 回答，不提问。",
    "option.quiet": "只显示结果、警告和错误。",
    "option.verbose": "多说一些；出错时显示出错的位置。",
    "option.home": "vaultd 自己的文件放在这里（也可以设置 VAULTD_HOME）。",
    "option.passphrase-file": "密码取自这个文件的第一行（也可以设置 VAULTD_PASSPHRASE_FILE）。",
    "option.passphrase-command": "密码取自这个命令输出的第一行。",
    "option.recovery-code-file": "用这个文件里的恢复码打开。",
    "option.key-file": "用这个钥匙文件打开。",
    "option.key": "只用密码或钥匙文件试这个编号的钥匙。",
    # The verbs: one line for the list, then more.
    "verb.vaultd": "别人看不到、删不掉、也弄不丢的备份。\n\nvaultd 把您选定的文件夹里每个文件的最后一版加密保存下来，放在您选定的磁盘上。",
    "verb.init": "新建保险库和它的第一个副本。\n\n"
    "会显示恢复码（忘记密码时用它打开保险库），并请您输入其中几个词来核对。已经有保险库的地方不会被动用。"
    "不带参数时，会逐项询问。",
    "verb.open": "让这台电脑使用已有的保险库。\n\n"
    "适用于新电脑或重装过的电脑：之后可以在这里查看和恢复快照，也可以接管原来的来源。只能读取的副本也够用。",
    "verb.source": "要保存的文件夹（来源）。",
    "verb.source.add": "从现在起保存这个文件夹。\n\n已经在保存的文件夹，只改变这次给出的内容。",
    "verb.source.list": "列出要保存的文件夹。",
    "verb.source.remove": "不再保存某个文件夹；已经保存的内容会留着。",
    "verb.snapshot": "把来源现在的样子保存下来（也可写作 backup）。\n\n"
    "不带参数时保存所有来源。读不了的文件保留上一个完好的版本，并会列出来；这时退出码是 3。",
    "verb.snapshots": "列出快照。",
    "verb.daemon": "在后台整天保存改动。",
    "verb.daemon.run": "就在这里运行，直到被打断。\n\n"
    "它看着这台电脑的每个来源，改动平静两秒之后就保存，并让每个副本跟上。它用“vaultd key unlock”留在这台电脑上的钥匙打开保险库。",
    "verb.daemon.start": "在后台启动。",
    "verb.daemon.stop": "让它停下。\n\n还没有保存的，下次再保存。",
    "verb.daemon.status": "是否在运行，看着什么，还有什么等待保存。",
    "verb.daemon.pause": "暂时什么都不保存。\n\n它继续看着，到时自己结束暂停。您自己要求的快照照样会做。",
    "verb.daemon.resume": "结束暂停。",
    "verb.daemon.install": "让系统在您登录时启动它。\n\n"
    "systemd 的用户单元；在 macOS 上是 launchd 的代理。再装一次就是更新。",
    "verb.daemon.uninstall": "撤销安装，并让它停下。",
    "option.linger": "从开机起就运行，无须有人登录（loginctl enable-linger）。",
    "option.pause-for": "暂停多久，例如 2h；不写就是一天，最长 7d。",
    "option.metrics": "按 Prometheus 的格式输出各项数字。",
    "option.watch": "每两秒再看一次，直到被打断。",
    "verb.status": "现在有多安全，有什么要注意。",
    "verb.ls": "列出快照里的文件夹。",
    "verb.cat": "输出快照里的一个文件。",
    "verb.find": "在每个来源的最新快照里按名字找文件。\n\n--all 在所有快照里找，--deleted 在以前有、后来没有了的内容里找。",
    "verb.diff": "两个快照之间有什么变化。\n\n+ 新增，- 消失，M 内容不同，m 内容相同而其他属性（如时间、权限、所有者）不同。",
    "verb.history": "一个路径上有过什么，从什么时候到什么时候。\n\n"
    "PATH 写成“来源:路径”，或者它在这台电脑上现在或从前的位置。每一行是一个版本，或者是没有它的一段时间："
    "不见了的内容，是在一行的最后一个快照和下一行的第一个快照之间不见的。",
    "verb.mount": "把过去的每个样子当作文件夹来看，只能读。\n\n"
    "DIR 里每个来源一个文件夹：latest（最近一次保存的样子）、at（每个快照，按时间）、by-id、"
    "versions（每个文件的每个版本）和 deleted（已消失的内容，最后的版本）。新的快照会自己出现。一直留到“vaultd umount DIR”。",
    "verb.serve-webdav": "用 WebDAV 显示过去的每个样子，只在这台电脑上。\n\n"
    "用于不能挂载的地方。文件管理器或浏览器用显示出来的用户名和密码打开那个地址；按 Ctrl-C 结束。",
    "verb.umount": "撤下“vaultd mount”显示的内容。",
    "verb.restore": "把快照里的文件恢复到一个文件夹。\n\n"
    "绝不会写到那个文件夹之外。保险库有损坏时，能取回的都会取回，其余的会列出来，这时退出码是 20。",
    "verb.copy": "保险库存放的位置。",
    "verb.copy.add": "把保险库再存到一个位置，并用这个名字称呼它。\n\n"
    "URL 是一个文件夹（最好在另一块磁盘上）、sftp://用户@主机/文件夹、smb://用户@主机/共享/文件夹 或 s3://存储桶/文件夹。"
    "如果那里已经有这个保险库的副本，就直接使用它。",
    "verb.copy.list": "列出各个副本：能不能连上、缺少什么、从什么时候起全部内容都核对无误。",
    "verb.copy.sync": "现在就让各个副本（或其中一个）互相补齐。\n\n每次做快照时也会这样做。",
    "verb.copy.accept": "重新填满一个丢失了很多内容的副本。\n\n"
    "如果一个副本突然变空，或者很多地方损坏，在主人看过并这样说之前，不会往里面写任何内容。",
    "verb.copy.remove": "不再使用一个副本。\n\n它的文件留在原处，用“vaultd copy add”可以重新使用它。",
    "verb.copy.parity": "在一个副本里存放纠错数据（on），或去掉（off）。\n\n"
    "多占约十分之一的空间，每二十个文件里损坏或丢失任意两个，不需要别的副本就能重新算出。"
    "它防的是坏扇区和丢失的文件，防不了整块磁盘坏掉：那要靠第二个副本。",
    "verb.check": "检查各个副本是否完整。\n\n"
    "一个副本里损坏或丢失的内容，会从另一个副本恢复；这时退出码是 3。",
    "verb.heal": "读一遍各个副本的全部内容，修好损坏的部分。",
    "verb.drill": "演练：试试每个副本能不能单独取回文件。\n\n"
    "逐个副本随机恢复一些文件，和保存时的内容比较，然后再删掉。有副本没有通过时，退出码是 20。",
    "verb.key": "能打开保险库的钥匙。",
    "verb.key.list": "列出钥匙，并标出这次用的是哪一把。",
    "verb.key.add": "添加一个密码或钥匙文件。",
    "verb.key.change": "修改密码。\n\n改的是这次用来打开保险库的密码，或给出编号的那一个。旧密码随即失效。",
    "verb.key.remove": "移除一把钥匙。\n\n如果有人留着旧的钥匙和它的密码，仍然可以读取保险库；只有新建一个保险库才能改变这一点。",
    "verb.key.unlock": "让这台电脑不用询问就能打开保险库。\n\n"
    "会在 vaultd 自己的文件夹里留下一个钥匙文件。谁能读取它，谁就能打开保险库；用“vaultd key remove”可以撤销。",
    "verb.recovery-code": "再次显示恢复码，或者试一试手上的恢复码。\n\n谁拿到它，谁就能打开保险库。",
    "verb.doctor": "找出这台电脑上的问题，并说明怎么解决。",
    "verb.completion": "输出 bash、zsh 或 fish 的自动补全脚本。\n\n"
    "把下面对应的一行放进您的 shell 启动时读取的文件：\n\n"
    '    eval "$(vaultd completion bash)"       # ~/.bashrc\n'
    '    eval "$(vaultd completion zsh)"        # ~/.zshrc，放在 compinit 之后\n'
    "    vaultd completion fish | source        # ~/.config/fish/config.fish",
}
